"""The command line: from files to answers, through public names alone."""
