"""Every model in one import, so that metadata is complete wherever one of them is used."""

from fleet.store.alert import Alert, Outage, Transition
from fleet.store.audit import AuditChain, AuditEntry
from fleet.store.battery import DeviceEndurance, PackModel, PackState, StudyProgress
from fleet.store.configuration import Configuration
from fleet.store.device import BatteryPack, Device, DeviceState, SearchToken
from fleet.store.enrolment import Certificate, EnrolmentToken
from fleet.store.firmware import FirmwareRelease, TrustVersion
from fleet.store.fleet_count import FleetCount
from fleet.store.floor import FloorPlan, WardNeighbour
from fleet.store.heartbeat import ServiceHeartbeat, ServiceInstance
from fleet.store.holding import CheckOut, FaultReport
from fleet.store.kiosk import Badge, Kiosk, KioskSession
from fleet.store.lease import JobRun, Lease
from fleet.store.outbox import OutboxMessage
from fleet.store.passkey import Passkey, PasskeyChallenge
from fleet.store.people import (
    ApiToken,
    ExternalIdentity,
    LoginSession,
    RecoveryCode,
    RoleGrant,
    SetupLink,
    SignInFailure,
    User,
)
from fleet.store.profile import Assignment, Profile, ProfileVersion
from fleet.store.quarantine import QuarantinedMessage
from fleet.store.reading import Reading
from fleet.store.recovery import RecoveryDrill
from fleet.store.rollout import (
    Blackout,
    DeviceCommand,
    FirmwareJob,
    ProfilePin,
    Rollout,
    RolloutDevice,
    RolloutRing,
)
from fleet.store.rollup import DailyRollup, HourlyRollup, RollupDue, RollupProgress
from fleet.store.site import Site, Ward, Zone
from fleet.store.task import SavedFilter, Task, TaskStep
from fleet.store.webhook import Webhook, WebhookDelivery

__all__ = [
    "Alert",
    "ApiToken",
    "Assignment",
    "AuditChain",
    "AuditEntry",
    "Badge",
    "BatteryPack",
    "Blackout",
    "Certificate",
    "CheckOut",
    "Configuration",
    "DailyRollup",
    "Device",
    "DeviceCommand",
    "DeviceEndurance",
    "DeviceState",
    "EnrolmentToken",
    "ExternalIdentity",
    "FaultReport",
    "FirmwareJob",
    "FirmwareRelease",
    "FleetCount",
    "FloorPlan",
    "HourlyRollup",
    "JobRun",
    "Kiosk",
    "KioskSession",
    "Lease",
    "LoginSession",
    "Outage",
    "OutboxMessage",
    "PackModel",
    "PackState",
    "Passkey",
    "PasskeyChallenge",
    "Profile",
    "ProfilePin",
    "ProfileVersion",
    "QuarantinedMessage",
    "Reading",
    "RecoveryCode",
    "RecoveryDrill",
    "RoleGrant",
    "Rollout",
    "RolloutDevice",
    "RolloutRing",
    "RollupDue",
    "RollupProgress",
    "SavedFilter",
    "SearchToken",
    "ServiceHeartbeat",
    "ServiceInstance",
    "SetupLink",
    "SignInFailure",
    "Site",
    "StudyProgress",
    "Task",
    "TaskStep",
    "Transition",
    "TrustVersion",
    "User",
    "Ward",
    "WardNeighbour",
    "Webhook",
    "WebhookDelivery",
    "Zone",
]
