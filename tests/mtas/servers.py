"""The mail servers, and the least that each must be told: what to refuse, and the next hop.

Each refuses whoever is at example.net, and hands everything else to the next hop.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.mtas.names import ADDRESS

HOST = "mail.example.com"
# Recipients a minute of one client.
LIMIT = 20
USER, PASSWORD = "digest@example.com", "correct horse"


@dataclass(frozen=True)
class Ports:
    """Where it listens on 127.0.0.1, where its next hop does, and one more of its own."""

    smtp: int
    next_hop: int
    spare: int


@dataclass(frozen=True)
class MailServer:
    """One mail server. `packages` are Debian's, or else `module` is Go's, with its `version`.

    `files` are written below its root (a Go module's: its folder) before `script`, a shell's,
    starts it. `loses_behind_dot`: what comes in one packet with the final dot is lost on it.
    `signs_in`: it relays for nobody else, under STARTTLS. `odd_sign_in`: it offers ways to sign in,
    and none that Digest knows. `reports`: it sends one for what the next hop refuses.
    """

    name: str
    files: Callable[[Ports], Mapping[str, str]]
    script: str
    packages: tuple[str, ...] = ()
    module: str = ""
    command: str = "."
    version: str = ""
    loses_behind_dot: bool = False
    signs_in: bool = False
    odd_sign_in: bool = False
    reports: bool = True


ROOT_FILES = {
    "etc/resolv.conf": f"nameserver {ADDRESS}\n",
    "etc/hosts": f"127.0.0.1 localhost {HOST}\n",
    "etc/hostname": f"{HOST}\n",
    "etc/mailname": f"{HOST}\n",
}


def _postfix(ports: Ports) -> Mapping[str, str]:
    services = (
        f"127.0.0.1:{ports.smtp} inet n - n - - smtpd",
        "cleanup unix n - n - 0 cleanup",
        "qmgr unix n - n 300 1 qmgr",
        "rewrite unix - - n - - trivial-rewrite",
        "bounce unix - - n - 0 bounce",
        "defer unix - - n - 0 bounce",
        "trace unix - - n - 0 bounce",
        "smtp unix - - n - - smtp",
        "relay unix - - n - - smtp",
        "error unix - - n - - error",
        "retry unix - - n - - error",
        "flush unix n - n 1000? 0 flush",
        "proxymap unix - - n - - proxymap",
        "anvil unix - - n - 1 anvil",
        "scache unix - - n - 1 scache",
        "postlog unix-dgram n - n - 1 postlogd",
    )
    return {
        "etc/postfix/master.cf": "\n".join(services) + "\n",
        "etc/postfix/main.cf": f"""compatibility_level = 3.6
maillog_file = /dev/stdout
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = {HOST}
mydestination =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{ports.next_hop}
relay_transport = smtp
smtp_tls_security_level = none
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions =
  check_recipient_access inline:{{{{example.net = 550 5.1.1 No such mailbox here}}}}
  permit_mynetworks, reject
smtpd_client_event_limit_exceptions =
""",
    }


def _postfix_limited(ports: Ports) -> Mapping[str, str]:
    files = dict(_postfix(ports))
    files["etc/postfix/main.cf"] += f"smtpd_client_recipient_rate_limit = {LIMIT}\n"
    return files


def _exim(ports: Ports) -> Mapping[str, str]:
    return {
        "etc/exim4/exim4.conf": f"""primary_hostname = {HOST}
daemon_smtp_ports = {ports.smtp}
local_interfaces = 127.0.0.1
acl_smtp_rcpt = recipients
host_lookup =
rfc1413_query_timeout = 0s
smtputf8_advertise_hosts = *
smtp_accept_queue_per_connection = 0
log_file_path = /var/log/exim4/%slog

begin acl
recipients:
  deny
    domains = example.net
    message = Unknown user
  accept

begin routers
next_hop:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = next_hop

begin transports
next_hop:
  driver = smtp
  port = {ports.next_hop}
  allow_localhost
  hosts_avoid_tls = *

begin retry
* * F,1h,1m
"""
    }


def _opensmtpd(ports: Ports) -> Mapping[str, str]:
    return {
        "etc/smtpd.conf": f"""listen on 127.0.0.1 port {ports.smtp} hostname {HOST}
action "next_hop" relay host "smtp://127.0.0.1:{ports.next_hop}"
match from any for domain "example.net" reject
match from any for any action "next_hop"
"""
    }


def _sendmail(ports: Ports) -> Mapping[str, str]:
    return {
        "etc/mail/digest.mc": f"""include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
define(`confDOMAIN_NAME', `{HOST}')dnl
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confQUEUE_LA', `1000')dnl
define(`QUEUE_DIR', `/var/spool/digest')dnl
define(`confTO_IDENT', `0')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {ports.next_hop}')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Family=inet, Port={ports.smtp}, Addr=127.0.0.1, Name=MTA')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`access_db', `hash -T<TMPF> /etc/mail/refused')dnl
FEATURE(`blocklist_recipients')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
""",
        "etc/mail/refused": "To:example.net\tERROR:5.1.1:550 No such mailbox here\n",
        "etc/mail/service.switch": "hosts files\naliases files\n",
        "etc/mail/local-host-names": "",
        "etc/mail/aliases": "",
    }


def _courier(ports: Ports) -> Mapping[str, str]:
    return {
        "etc/courier/me": f"{HOST}\n",
        "etc/courier/defaultdomain": "example.com\n",
        "etc/courier/locals": "localhost\nexample.net\n",
        "etc/courier/esmtproutes": f":[127.0.0.1],{ports.next_hop}\n",
        "etc/courier/smtpaccess/default": "127.0.0.1\tallow,RELAYCLIENT\n",
        "etc/courier/bofh": "opt BOFHCHECKDNS=0\n",
        "etc/courier/digest": f"""ADDRESS=127.0.0.1
PORT={ports.smtp}
BOFHCHECKDNS=0
TCPDOPTS="-stderrlogger=/usr/sbin/courierlogger -nodnslookup -noidentlookup"
""",
    }


def _chasquid(ports: Ports) -> Mapping[str, str]:
    return {
        "etc/chasquid/chasquid.conf": f"""hostname: "{HOST}"
smtp_address: "127.0.0.1:{ports.smtp}"
submission_address: "127.0.0.1:{ports.spare}"
submission_over_tls_address: ""
monitoring_address: ""
mail_delivery_agent_bin: "/bin/false"
data_dir: "/var/lib/chasquid"
mail_log_path: "<stderr>"
""",
        # It knows no next hop but whom a name leads to.
        "etc/hosts": f"127.0.0.1 localhost {HOST} example.com example.org\n",
        "etc/chasquid/domains/example.net/users.none": "",
        "etc/chasquid/domains/example.com/aliases": "",
    }


def _maddy(ports: Ports) -> Mapping[str, str]:
    return {
        "maddy.conf": f"""state_dir {{env:HERE}}/state
runtime_dir {{env:HERE}}/run
hostname {HOST}
tls off
log stderr

target.smtp next_hop {{
  targets tcp://127.0.0.1:{ports.next_hop}
  hostname {HOST}
  attempt_starttls no
  require_tls no
}}

target.queue queue {{
  target &next_hop
  autogenerated_msg_domain example.com
  bounce {{
    default_destination {{
      deliver_to &next_hop
    }}
  }}
}}

smtp tcp://127.0.0.1:{ports.smtp} {{
  dmarc no
  default_source {{
    destination example.net {{
      reject 550 5.1.1 "No such mailbox here"
    }}
    default_destination {{
      deliver_to &queue
    }}
  }}
}}
"""
    }


def _mailpit(ports: Ports) -> Mapping[str, str]:
    return {
        "relay.yaml": f"host: 127.0.0.1\nport: {ports.next_hop}\nstarttls: false\nauth: none\n",
        "start": f"""exec "$PROGRAM" --smtp 127.0.0.1:{ports.smtp} \\
  --listen 127.0.0.1:{ports.spare} \\
  --smtp-allowed-recipients '@example\\.(org|com)$' --max 0 --disable-version-check \\
  --smtp-relay-config relay.yaml --smtp-relay-all
""",
    }


POSTFIX = MailServer(
    "Postfix",
    _postfix,
    "postfix start-fg & cat",
    packages=("postfix",),
)
LIMITED = MailServer(
    f"Postfix at {LIMIT} a minute",
    _postfix_limited,
    POSTFIX.script,
    packages=POSTFIX.packages,
)

SERVERS = (
    POSTFIX,
    MailServer(
        "Exim",
        _exim,
        "exim4 -bdf -q1m & cat",
        packages=("exim4-daemon-light",),
    ),
    MailServer(
        "OpenSMTPD",
        _opensmtpd,
        "smtpd -d & cat",
        packages=("opensmtpd",),
    ),
    MailServer(
        "sendmail",
        _sendmail,
        """install -d -m 700 /var/spool/digest; cd /etc/mail
m4 digest.mc > sendmail.cf; makemap hash refused < refused; newaliases >/dev/null
sendmail -bD -q1m & cat""",
        packages=("sendmail-bin", "libsasl2-modules", "m4"),
        odd_sign_in=True,
    ),
    MailServer(
        "Courier",
        _courier,
        """install -d -o courier -g courier /run/courier /run/courier/authdaemon
cat /etc/courier/digest >> /etc/courier/esmtpd
makesmtpaccess; makealiases; authdaemond start; courier start; esmtpd start; cat""",
        packages=("courier-mta",),
        loses_behind_dot=True,
    ),
    MailServer(
        "chasquid",
        _chasquid,
        f"""printf '%s\\n%s\\n' '{PASSWORD}' '{PASSWORD}' |
  chasquid-util --configdir=/etc/chasquid user-add {USER} --password='{PASSWORD}'
chown -R chasquid /etc/chasquid /var/lib/chasquid
chasquid --testing__outgoing_smtp_port=$NEXT_HOP & cat""",
        packages=("chasquid", "openssl"),
        loses_behind_dot=True,
        signs_in=True,
    ),
    MailServer(
        "maddy",
        _maddy,
        'export HERE="$PWD"; "$PROGRAM" -config maddy.conf run & cat',
        module="github.com/foxcpp/maddy",
        command="./cmd/maddy",
        version="v0.8.2",
    ),
    MailServer(
        "Mailpit",
        _mailpit,
        "sh start & cat",
        module="github.com/axllent/mailpit",
        version="v1.33.1",
        reports=False,
    ),
)
