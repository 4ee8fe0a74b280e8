"""Pages and machine routes; what they do stands in the services beside this package."""
