"""What de-identification withheld, and two people's word on it. Nothing leaves but what the engine treated again.

Reading order: `accounts` (who is who in the trusted zone), `signed_in` (whose token a command was given), `refusals`
(tokens that nobody has), `items` (what
waits), `pictures` and `looks` (what a person looks at, and who did), `decision` (what a person asks for), `decided`
(the engine that goes by it), `wishes` (a first person's word, until a second one's), `treat_again` (what both said is
done), `commands`, `account_commands`, `page` (the same in a browser); `errors`.
"""
