"""The homeserver's side: the module that Synapse loads (in its own process) and the lab that starts one."""
