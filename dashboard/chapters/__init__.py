"""One module a page, reading like the page it draws: question, picture, how to read it, what it says, what to try."""
