"""Pages in a real browser, which is there for the tests of this package and ends with the last of them: while
it is, its event loop runs, and a test that has one of its own would find another running."""
