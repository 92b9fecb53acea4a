"""What an Access file says of itself: objects, keys, rules, queries, put together as a catalog."""
