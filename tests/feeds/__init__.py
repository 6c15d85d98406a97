"""`make feeds`: how rightly feeds are read, our own and those of real feed writers."""
