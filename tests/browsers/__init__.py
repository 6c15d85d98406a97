"""`make browsers`: the desk and a sign-up in browsers other than the tests' own. Not part of CI."""
