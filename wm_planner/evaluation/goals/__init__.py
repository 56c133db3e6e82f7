"""Trials of goal images: is what a picture shows brought about?"""
