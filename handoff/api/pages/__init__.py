"""Pages for people at a browser: plain HTML, no script, nothing from elsewhere.

- `html`: text that is safe by its type; whatever is filled into it is escaped.
- `frame`: what every page has, and the headers that go with it.
- `words`: times, sizes, ids and states as a person reads them.
- `browser`: who is at the browser, its cookies, and whether a form came from one of our pages.
- `route`: errors as pages, and the way to the sign-in.
- `now`: what runs, what waits, what is open.
- `handoff`: one handoff: its progress, its result, its log.
- `study`: an open study, closed by a person's word.
- `reason`: why somebody did that.
- `log`: the end of what a run printed.
- `tokens`: tokens: make, rotate, revoke.
- `style`: the stylesheet.
- `routers`: all of them.

Signing in and out is `handoff.api.login`.
"""
