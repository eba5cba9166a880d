"""The training algorithms, each with its public integers and its plain reference."""
