"""What people write instead, 3: a Flask route that checks a form and inserts one row.

No consent evidence, no mail, nothing said of who is known. Served by gunicorn as the Procfile
serves ours.
"""

import os
from datetime import datetime

from email_validator import EmailNotValidError, validate_email
from flask import Flask, request
from sqlalchemy import DateTime, String, create_engine, func
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    """The rival's one table."""


class PlainSignUp(Base):
    """An address, and when it came."""

    __tablename__ = "plain_sign_up"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


def make_table(database_url: str) -> None:
    """Make the rival's table, beside ours."""
    engine = create_engine(database_url)
    Base.metadata.create_all(engine)
    engine.dispose()


def create_app() -> Flask:
    """Make the app, for a database that has its table."""
    app = Flask(__name__)
    engine = create_engine(os.environ["DATABASE_URL"], pool_size=5, max_overflow=10)

    @app.post("/subscribe")
    def subscribe() -> tuple[str, int]:
        if not request.form.get("consent"):
            return "Tick the box to agree to the terms.", 422
        try:
            address = validate_email(request.form.get("email", ""), check_deliverability=False)
        except EmailNotValidError as error:
            return str(error), 422
        with Session(engine) as session:
            session.add(PlainSignUp(email=address.normalized))
            session.commit()
        return "Thank you.", 200

    return app
