"""What other tools would say: their published rules, replayed on stored runs, one tool a file."""
