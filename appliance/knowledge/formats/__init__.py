"""A reader per format: `blocks(file)` yields what is in a document, in order, with bounded memory."""
