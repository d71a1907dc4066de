"""Go text/template with the functions of sprig and External Secrets Operator. Knows nothing of secrets or stores."""
