"""The one place where objects are built and joined: a verb of the command line is one call here."""
