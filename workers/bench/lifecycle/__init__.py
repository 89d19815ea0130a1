"""Promises tried by breaking it: live calls while everything is killed, then a count at the other end of each."""
