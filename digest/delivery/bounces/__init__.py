"""Mail that came back: `delivery_status` reads it, `noting` writes down what it means."""
