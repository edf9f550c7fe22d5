"""Users, sessions and tokens, and who may do what; knows neither Flask nor HTTP."""
