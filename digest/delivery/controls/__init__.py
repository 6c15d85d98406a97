"""What a person does to an issue on its way: preview, test, pause, resume, cancel, resolve, resend,
export.
"""
