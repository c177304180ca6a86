"""Google's Gemini; its errors end in this folder."""
