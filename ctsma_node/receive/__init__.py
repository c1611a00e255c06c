"""Storage and Verification SCP: takes instances in and acknowledges them when they are durable."""
