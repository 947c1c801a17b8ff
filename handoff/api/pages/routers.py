"""The routers of all pages."""

from fastapi import APIRouter

from handoff.api import login
from handoff.api.pages import handoff, now, study, style, tokens

ROUTERS: tuple[APIRouter, ...] = (login.router, now.router, handoff.router, study.router, tokens.router, style.router)
