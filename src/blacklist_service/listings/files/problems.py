"""The exception for an unreadable file, of which nothing is loaded."""

from blacklist_service.problems import Problem


class UnreadableFile(Problem):
    """The file cannot be read as a list."""

    status = 422
    code = "unreadable-file"
