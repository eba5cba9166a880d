"""The relations: columns, lookups and identities of each, one file a relation."""
