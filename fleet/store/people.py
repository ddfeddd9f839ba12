"""People who may change things, how they prove it, and how the first of them gets in."""

from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fleet.store.database import NEVER_AGAIN, Base
from fleet.store.types import Instant

_ONE_PLACE = "site_id IS NULL OR ward_id IS NULL"
"""A role holds in a ward, in a site, or (neither) in everything."""


class User(Base):
    """A person. `password_hash` is empty where another proves who they are (`ExternalIdentity`).

    `totp_secret`: of the second factor (RFC 6238, base 32); it counts from `totp_since` on.
    `totp_step`: the newest time step of which a code was taken, so that none is taken twice.
    `passkey_handle`: who they are to their passkeys, at random: it names nobody.
    """

    __tablename__ = "user_account"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str] = mapped_column(String(256))
    created_at: Mapped[datetime] = mapped_column(Instant)
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)
    totp_secret: Mapped[str | None] = mapped_column(String(64))
    totp_since: Mapped[datetime | None] = mapped_column(Instant)
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    passkey_handle: Mapped[bytes | None] = mapped_column(LargeBinary)


class RoleGrant(Base):
    """What a person may, and where. `external`: given by single sign-on, and taken by it."""

    __tablename__ = "role_grant"
    __table_args__ = (
        CheckConstraint(_ONE_PLACE, "ck_role_grant_place"),
        Index(
            "uq_role_grant",
            "user_id",
            "role",
            text("coalesce(site_id, 0)"),
            text("coalesce(ward_id, 0)"),
            unique=True,
        ),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    role: Mapped[str] = mapped_column(String(32))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    ward_id: Mapped[int | None] = mapped_column(ForeignKey("ward.id"))
    external: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(String(80))


class RecoveryCode(Base):
    """The way in for who has lost their second factor: each once, kept as a hash."""

    __tablename__ = "recovery_code"

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)


class ExternalIdentity(Base):
    """Who a person is to an OpenID provider: issuer and subject, and nothing else."""

    __tablename__ = "external_identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    issuer: Mapped[str] = mapped_column(String(256))
    subject: Mapped[str] = mapped_column(String(256))
    created_at: Mapped[datetime] = mapped_column(Instant)


class LoginSession(Base):
    """One signed-in browser; the cookie holds the token, the database only its hash.

    `waits_for_code`: the password was right, the second factor is still to be shown.
    """

    __tablename__ = "login_session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    seen_at: Mapped[datetime | None] = mapped_column(Instant)
    """The last request, to a minute."""
    waits_for_code: Mapped[bool] = mapped_column(default=False, server_default=false())

    user: Mapped[User] = relationship()


class SignInFailure(Base):
    """A wrong password: counted for a while, in the database, so that every worker counts alike.

    `address`: of the machine where it was typed.
    """

    __tablename__ = "sign_in_failure"
    __table_args__ = (
        Index("ix_sign_in_failure_username", "username", "at"),
        Index("ix_sign_in_failure_address", "address", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64), server_default="")
    at: Mapped[datetime] = mapped_column(Instant)


class SetupLink(Base):
    """The way in for the first administrator: used once, within its hour."""

    __tablename__ = "setup_link"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant)


class ApiToken(Base):
    """A program's way in: shown once, stored hashed. It may what its role may, in its place, as far
    as its scopes go."""

    __tablename__ = "api_token"
    __table_args__ = (CheckConstraint(_ONE_PLACE, "ck_api_token_place"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON, default=list)
    role: Mapped[str] = mapped_column(String(32))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    ward_id: Mapped[int | None] = mapped_column(ForeignKey("ward.id"))
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(String(80))
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
