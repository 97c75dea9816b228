"""Where settings come from, and what is said of those that cannot be used."""

from pathlib import Path

import pytest

from batchite.configuration.accounts import DEVELOPMENT_ACCOUNTS
from batchite.configuration.config_file import SettingsError
from batchite.configuration.fidelity import Fidelity
from batchite.configuration.images import ImageRule
from batchite.configuration.scheduling import Scheduling
from batchite.configuration.settings import FIDELITY, SCHEDULING, SETTINGS, Settings, is_loopback, load

KEY = "c2VjcmV0"


def write(path: Path, text: str) -> Path:
    file = path / "batchite.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load({}, {}, write(tmp_path, text))
    return str(caught.value)


def test_defaults_listen_on_loopback_with_development_accounts() -> None:
    settings = load({}, {})
    assert (settings.host, settings.batch_port, settings.blob_port) == ("127.0.0.1", 10003, 10000)
    assert settings.accounts == DEVELOPMENT_ACCOUNTS
    assert settings.environment == {}


def test_flag_before_variable_before_file_before_default(tmp_path: Path) -> None:
    config = write(tmp_path, 'batch_port = 1\nblob_port = 2\nhost = "::1"\n')
    settings = load({"batch_port": "3"}, {"BATCHITE_BATCH_PORT": "4", "BATCHITE_BLOB_PORT": "5"}, config)
    assert (settings.batch_port, settings.blob_port, settings.host) == (3, 5, "::1")


def test_config_file_can_be_named_by_variable(tmp_path: Path) -> None:
    config = write(tmp_path, "batch_port = 77\n")
    assert load({}, {"BATCHITE_CONFIG": str(config)}).batch_port == 77


def test_every_setting_is_a_field() -> None:
    tables = {"accounts", "environment", "fidelity", "images", "sandbox", "scheduling"}
    assert {setting.name for setting in SETTINGS} | tables == set(Settings.__struct_fields__)
    assert {setting.name for setting in FIDELITY} == set(Fidelity.__struct_fields__)
    assert {setting.name for setting in SCHEDULING} == set(Scheduling.__struct_fields__)


def test_jobs_share_slots_if_the_file_or_a_variable_says_by_what(tmp_path: Path) -> None:
    config = write(tmp_path, '[scheduling]\nshare_by = "team"\ntask_priority = "PRIORITY"\n')
    assert load({}, {}, config).scheduling == Scheduling(share_by="team", task_priority="PRIORITY")
    variables = {"BATCHITE_SCHEDULING_SHARE_BY": "cost centre"}
    assert load({}, variables, config).scheduling == Scheduling(
        share_by="cost centre", task_priority="PRIORITY"
    )
    assert load({}, {}).scheduling == Scheduling()


def test_fidelity_is_a_table_of_the_file_and_variables(tmp_path: Path) -> None:
    config = write(tmp_path, "[fidelity]\nempty_job_pause = 2\nrehydration = 0\n")
    variables = {"BATCHITE_FIDELITY_REHYDRATION": "1.5"}
    assert load({}, variables, config).fidelity == Fidelity(empty_job_pause=2, rehydration=1.5)
    assert load({}, {}).fidelity == Fidelity()


def test_images_are_tables_of_the_file(tmp_path: Path) -> None:
    text = """
        [[images]]
        publisher = "canonical"
        sku = "16.04*"
        root = "host"
        layer = false
        path = ["/opt/x"]
        environment = { A = "b" }
        [[images]]
        node_agent_sku_id = "*"
        root = "jammy"
    """
    first, second = load({}, {}, write(tmp_path, text)).images
    assert first == ImageRule(
        publisher="canonical", sku="16.04*", root="host", layer="", path=("/opt/x",), environment={"A": "b"}
    )
    assert second == ImageRule(root="jammy")


def test_accounts_and_environment_come_from_the_file(tmp_path: Path) -> None:
    settings = load(
        {},
        {},
        write(
            tmp_path,
            f"""
        [[batch_accounts]]
        name = "render"
        key = "{KEY}"
        storage_account = "films"
        core_quota = 64
        job_quota = 300
        [[storage_accounts]]
        name = "films"
        keys = ["{KEY}", "b3RoZXI="]
        [environment]
        HTTPS_PROXY = "http://proxy:3128"
    """,
        ),
    )
    (batch,), (storage,) = settings.accounts.batch, settings.accounts.storage
    assert (batch.core_quota, batch.job_quota) == (64, 300)
    assert (batch.name, batch.keys, batch.storage_account, batch.core_quota) == (
        "render",
        (KEY,),
        "films",
        64,
    )
    assert (storage.name, storage.keys) == ("films", (KEY, "b3RoZXI="))
    assert settings.environment["HTTPS_PROXY"] == "http://proxy:3128"
    assert not settings.accounts.uses_development_keys


def test_development_batch_account_uses_a_configured_storage_account(tmp_path: Path) -> None:
    settings = load({}, {}, write(tmp_path, f'[[storage_accounts]]\nname = "films"\nkey = "{KEY}"\n'))
    assert settings.accounts.batch[0].storage_account == "films"
    assert settings.accounts.uses_development_keys


@pytest.mark.parametrize(
    "url", ["https://films.blob.core.windows.net", "http://10.0.0.7:10000/films", "http://[::1]:10000/films"]
)
def test_an_account_of_another_blob_service(tmp_path: Path, url: str) -> None:
    table = f'[[storage_accounts]]\nname = "films"\nkey = "{KEY}"\nblob_endpoint = "{url}/"\n'
    own = f'[[storage_accounts]]\nname = "own"\nkey = "{KEY}"\n'
    known = load({}, {}, write(tmp_path, table + own)).accounts
    assert known.storage[0].blob_endpoint == url
    assert [account.name for account in known.own_storage] == ["own"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("batch_port = 70000", ("batch_port = 70000", "65535")),
        ("batch_port = true", ("batch_port = True", "65535")),
        ('log_level = "loud"', ("log_level = 'loud'", "debug")),
        ('allow_development_keys = "perhaps"', ("allow_development_keys", "true or false")),
        ('trusted_proxies = ["10.0.0.300"]', ("trusted_proxies", "10.0.0.0/8")),
        ('batch_host_suffix = "a b"', ("batch_host_suffix", "batch.example.org")),
        ('allowed_hosts = ["http://a"]', ("allowed_hosts", "without a port")),
        ('allowed_hosts = ["*"]', ("allowed_hosts", "host name")),
        ("bath_prot = 1", ("bath_prot", "no such setting", "batch_port")),
        ("max_node = 1", ("max_node", "no such setting", "did you mean 'max_nodes'?")),
        ("batch_port =", ("is not TOML",)),
        ("batch_accounts = 1", ("[[batch_accounts]]",)),
        ('[[batch_accounts]]\nname = "UP"\nkey = "c2Vj"', ("batch_accounts[0].name = 'UP'", "lower-case")),
        ('[[batch_accounts]]\nname = "abc"', ("batch_accounts[0]", "key")),
        ('[[batch_accounts]]\nname = "abc"\nkey = "c2Vj"\ncolour = 1', ("colour", "core_quota")),
        ('[[batch_accounts]]\nname = "abc"\nkey = "c2Vj"\ncore_quota = -1', ("core_quota = -1", "from 0")),
        ('[[batch_accounts]]\nname = "abc"\nkey = "c2Vj"\njob_quota = "few"', ("job_quota", "from 0")),
        (f'[[batch_accounts]]\nname = "abc"\nkey = "c2Vj"\ncore_quota = {10**30}', ("core_quota", "from 0")),
        ("host = " + "[" * 5000, ("nested too deeply",)),
        (
            '[[batch_accounts]]\nname = "abc"\nkey = "c2Vj"\nstorage_account = "xyz"',
            ("xyz", "storage_accounts"),
        ),
        ('[[storage_accounts]]\nname = "abc"\nkeys = []', ("storage_accounts[0].keys", "one or two")),
        ('[[storage_accounts]]\nname = "abc"\nkey = "c2Vj"\n' * 2, ("'abc'", "twice")),
        *[
            (
                f'[[storage_accounts]]\nname = "abc"\nkey = "c2Vj"\nblob_endpoint = "{url}"',
                ("storage_accounts[0].blob_endpoint", said),
            )
            for url, said in [
                ("films.example.org", "https://films.blob"),
                ("ftp://films.example.org", "https://films.blob"),
                ("https://films example.org", "https://films.blob"),
                ("https://u:p@films.example.org", "neither user"),
                ("https://films.example.org?sv=1", "neither user"),
                ("https://films.example.org:99999", "Port"),
            ]
        ],
        ("[fidelity]\nrehydration = true", ("fidelity.rehydration = True", "from 0 to 86400")),
        ("[fidelity]\nrehydration = nan", ("fidelity.rehydration = nan", "from 0 to 86400")),
        ("[fidelity]\nstrict = 1", ("fidelity: strict", "empty_job_pause")),
        ("[fidelity]\nautoscale_sample = 0", ("autoscale_sample", "from 0.1 to")),
        ('[scheduling]\nshare_by = ""', ("scheduling.share_by", "not empty")),
        ("[scheduling]\nshare = 1", ("scheduling: share", "share_by")),
        ("fidelity = 1", ("fidelity", "table")),
        ("images = 1", ("images", "[[images]]")),
        ("[[images]]\nroot = 'a'", ("images[0]", "no image", "publisher, offer")),
        ("[[images]]\nsku = 1", ("images[0].sku = 1", "text")),
        ("[[images]]\nsku = 'a'\ncolour = 1", ("images[0]", "colour", "layer")),
        ("[[images]]\nsku = 'a'\nroot = '../a'", ("images[0].root = '../a'", "1 to 63 lower-case")),
        ("[[images]]\nsku = 'a'\nlayer = true", ("images[0].layer = True", "false", "period, windows")),
        ("[[images]]\nsku = 'a'\nlayer = 'x'", ("images[0].layer = 'x'", "period, windows")),
        ("[[images]]\nsku = 'a'\npath = ['bin']", ("images[0].path = ['bin']", "absolute")),
        ("[[images]]\nsku = 'a'\npath = '/bin'", ("images[0].path = '/bin'", "list")),
        ("[[images]]\nsku = 'a'\nenvironment = 1", ("images[0]: environment", "table")),
        ("[[images]]\nsku = 'a'\nenvironment = { AZ_BATCH_X = 'a' }", ("AZ_BATCH_X", "service's own")),
        ("[environment]\nN = 1", ("environment.N = 1", "text")),
        ('[environment]\nAZ_BATCH_NODE_ID = "x"', ("AZ_BATCH_NODE_ID", "service's own")),
    ],
)
def test_refusals_name_place_value_and_rule(tmp_path: Path, text: str, said: tuple[str, ...]) -> None:
    message = refusal(tmp_path, text)
    assert "batchite.toml" in message
    for part in said:
        assert part in message


def test_a_bad_key_is_refused_without_repeating_it(tmp_path: Path) -> None:
    message = refusal(tmp_path, '[[storage_accounts]]\nname = "abc"\nkey = "not*base64"')
    assert "base64" in message
    assert "not*base64" not in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml: cannot be read"):
        load({}, {}, tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.1.2.3", False),
        ("example.org", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_hosts_that_are_allowed_are_names_or_all_below_one(tmp_path: Path) -> None:
    assert load({"allowed_hosts": "Batch, *.Example.org"}, {}).allowed_hosts == ("batch", "*.example.org")
    assert load({}, {}, write(tmp_path, 'allowed_hosts = ["::1"]\n')).allowed_hosts == ("::1",)


def test_origins_to_copy_from_are_origins(tmp_path: Path) -> None:
    given = load({"copy_origins": "https://data.example.org/, http://[::1]:81"}, {})
    assert given.copy_origins == ("https://data.example.org", "http://[::1]:81")
    assert load({}, {}, write(tmp_path, 'copy_origins = ["*"]\n')).copy_origins == ("*",)


@pytest.mark.parametrize(
    "text", ["data.example.org", "ftp://x", "https://x/path", "https://u@x", "http://x:y"]
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"an origin looks like https://"):
        load({"copy_origins": text}, {})


def test_public_urls_are_those_of_a_host() -> None:
    given = load({"batch_public_url": "https://Batch.example.org/", "blob_public_url": "http://[::1]:81"}, {})
    assert (given.batch_public_url, given.blob_public_url) == ("https://batch.example.org", "http://[::1]:81")


@pytest.mark.parametrize(
    "text", ["batch.example.org", "ftp://h", "https://", "https://u@h", "https://h/batch", "*"]
)
def test_what_is_no_public_url_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--batch-public-url.*no path.*sign"):
        load({"batch_public_url": text}, {})
