"""The command line: from files to answers, over the public modules."""
