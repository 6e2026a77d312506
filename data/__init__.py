"""What is learnt from: the vocabulary of a dataset (`features`), one file a dataset (`datasets/`), small real samples."""
