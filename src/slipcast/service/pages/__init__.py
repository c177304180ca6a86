"""The web page: server-rendered, one style sheet, one small script, no outside request."""
