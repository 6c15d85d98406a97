"""The sender against real mail servers on loopback: `make mtas`, outside CI."""
