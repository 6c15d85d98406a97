"""What `digest doctor DOMAIN` presses at the real site: it is answered, and nothing changes."""

from flask.testing import FlaskClient

from digest.checkup import Level
from digest.checkup.domain.website import look_at_one_click
from tests.factories import make_settings
from tests.readers.conftest import ReadersDesk
from tests.servers.web import Reply, Request, WebServer


class Published(WebServer):
    """The site behind a port of this machine."""

    def __init__(self, client: FlaskClient) -> None:
        super().__init__()
        self.client = client

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        kind = request.headers["Content-Type"]
        said = self.client.post(request.path, data=request.body, content_type=kind)
        return Reply(said.data, said.status_code)


def test_the_one_click_of_nobody_is_answered_and_changes_nothing(
    client: FlaskClient, desk: ReadersDesk
) -> None:
    desk.subscribe()
    before = desk.dump()
    server = Published(client)
    try:
        [finding] = look_at_one_click(make_settings("sqlite://", public_url=server.url))
    finally:
        server.close()
    assert finding.level is Level.FINE
    assert len(server.requests) == 1
    assert desk.dump() == before
