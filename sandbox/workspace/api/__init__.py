"""The Web API's methods, one family a file."""

from sandbox.workspace.api import chat, conversations, files, people, reactions, views
from sandbox.workspace.api.method import Method

METHODS: dict[str, Method] = {
    method.name: method
    for family in (chat, reactions, people, views, conversations, files)
    for method in family.METHODS
}
