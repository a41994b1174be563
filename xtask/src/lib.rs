//! Work behind the Makefile's targets that needs more than a few lines of shell.
