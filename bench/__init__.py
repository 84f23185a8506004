"""What measures the product: figures, never assertions. Not part of the wheel."""
