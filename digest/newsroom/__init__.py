"""What an issue is made of: `intake` brings articles in, `issues` makes issues of them."""
