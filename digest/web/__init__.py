"""The pages and the API, on Flask: an app is made of small steps around one runtime."""

from collections.abc import Iterable

from flask import Blueprint, Flask
from jinja2 import StrictUndefined

from digest.runtime import Runtime
from digest.templating import template_folder
from digest.web.api.articles import article_api
from digest.web.api.signup_boxes import signup_box_api
from digest.web.api.subscriptions import subscription_api
from digest.web.assets import serve_assets
from digest.web.clicks.counting import keep_clicks
from digest.web.compressing import compress_public_answers
from digest.web.context import attach
from digest.web.desk import desk_pages
from digest.web.errors import handle_errors
from digest.web.guarding import guard_sign_ups
from digest.web.health import health
from digest.web.links import remember_links
from digest.web.masthead import remember_masthead
from digest.web.media import media
from digest.web.mounting import mount
from digest.web.security import add_security_headers
from digest.web.site import site_pages
from digest.web.slashes import straighten_paths
from digest.web.words import add_words

# A form is a few fields. A view that takes more says so by request.max_content_length.
LARGEST_FORM = 64 * 1024


def create_app(runtime: Runtime, blueprints: Iterable[Blueprint] = ()) -> Flask:
    """Make the app. Call it after any fork; `blueprints` are added to ours (the demo's inbox)."""
    app = Flask("digest.web", template_folder=str(template_folder() / "web"), static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_FORM
    app.config["MAX_FORM_PARTS"] = 100
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.url_map.strict_slashes = True
    attach(app, runtime)
    compress_public_answers(app)
    serve_assets(app)
    remember_links(app)
    remember_masthead(app, runtime)
    add_words(app)
    add_security_headers(app, runtime.settings)
    guard_sign_ups(app, runtime)
    keep_clicks(app, runtime)
    handle_errors(app)
    api = (article_api, signup_box_api, subscription_api)
    for blueprint in (*site_pages, *desk_pages, media, health, *api, *blueprints):
        app.register_blueprint(blueprint)
    straighten_paths(app)
    mount(app, runtime.settings.public_path)
    return app
