"""What a result means to a reader of images, doses and delivery studies. Reads results, never a solver."""
