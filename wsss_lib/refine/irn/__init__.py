"""IRN: a network learns from rough labels where edges are; scores spread until they meet them."""
