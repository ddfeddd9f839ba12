"""The same for EMQX 5: mutual TLS, each device on its own topics, and nothing else.

The settings are those of EMQX's manual (pages "Listener Configuration", "X.509 Certificate
Authentication", "Use ACL File", "CRL Check", "MQTT Configuration"). It cannot be started here.
"""

import json
from pathlib import Path

from fleet.broker import LARGEST_PACKET
from fleet.pki.folder import service_name
from fleet.wire import topics

CONFIG = """\
# Written by `fleet broker config`. Its place is EMQX's base.hocon: what stands in emqx.conf, or was
# set in the dashboard, goes before it.
listeners {{
  ssl.wardfleet {{
    bind = {bind}
    # The certificate is what a client is known by: no other authenticator is asked.
    enable_authn = false
    ssl_options {{
      cacertfile = {ca}
      certfile = {server}
      keyfile = {server}
      versions = ["tlsv1.3", "tlsv1.2"]
      # Who has no certificate of this authority gets no further than the handshake.
      verify = verify_peer
      fail_if_no_peer_cert = true
      # By the list at the address that each certificate names; none that can be had, none let in.
      enable_crl_check = true
    }}
  }}
  # Those that EMQX brings along, in plain text or with a certificate that everybody has.
  tcp.default.enable = false
  ws.default.enable = false
  ssl.default.enable = false
  wss.default.enable = false
}}
# Once a minute is as often as EMQX asks.
crl_cache {{
  refresh_interval = 1m
  http_timeout = 15s
}}
mqtt {{
  # The certificate's common name is who it is, whatever the client calls itself.
  peer_cert_as_username = cn
  peer_cert_as_clientid = cn
  max_packet_size = {largest_kb}KB
  max_mqueue_len = infinity
  retain_available = true
  wildcard_subscription = true
  shared_subscription = true
}}
retainer.enable = true
authorization {{
  no_match = deny
  deny_action = ignore
  sources = [
    {{
      type = file
      enable = true
      path = {acl}
    }}
  ]
}}
"""

_INGEST, _SCHEDULE = service_name("ingest"), service_name("schedule")
_UP, _DOWN, _HEARTBEAT = f"{topics.ROOT}/up", f"{topics.ROOT}/down", topics.HEARTBEAT
ACL = f"""\
%% What is not named is refused. ${{username}} is the common name of the certificate.
{{allow, {{username, "{_INGEST}"}}, subscribe, ["{_UP}/#", "{_HEARTBEAT}"]}}.
{{allow, {{username, "{_INGEST}"}}, publish, ["{_DOWN}/+/ack"]}}.
{{allow, {{username, "{_SCHEDULE}"}}, publish, ["{_DOWN}/#", "{_HEARTBEAT}"]}}.
{{allow, all, publish, ["{_UP}/${{username}}/#"]}}.
{{allow, all, subscribe, ["{_DOWN}/${{username}}/#"]}}.
{{deny, all}}.
"""


def configuration(listen: tuple[str, int], there: Path) -> str:
    """`there`: the folder on EMQX's machine."""
    host, port = listen
    return CONFIG.format(
        bind=json.dumps(f"{host}:{port}"),
        ca=json.dumps(str(there / "ca.crt")),
        server=json.dumps(str(there / "server.pem")),
        acl=json.dumps(str(there / "acl.conf")),
        largest_kb=LARGEST_PACKET // 1024,
    )
