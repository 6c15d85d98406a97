"""Mail that came back: `reading` tells what it is, `delivery_status` what a report says.

`reasons` decides why, and `noting` writes down what it means.
"""
