"""What a terminal shows, in words and bars."""
