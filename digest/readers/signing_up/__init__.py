"""From the form to the confirmed reader.

Entered by `sign_up_form`, `submitting.sign_up` and `confirming.confirm`.
"""
