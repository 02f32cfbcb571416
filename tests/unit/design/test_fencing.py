"""The fence agent's own waits fit into what Pacemaker gives it."""

from quorate.cluster.model import Cluster
from quorate.design import work_out
from quorate.services.parts import Primitive


def test_a_node_that_stays_off_counts_as_fenced_in_time(cluster: Cluster) -> None:
    """Off and on are each looked for `power_timeout` times, a second apart, a look taking up to two more.

    `disable_timeout` is what makes the agent count at all when Pacemaker runs it.
    """
    devices = [each for each in work_out(cluster).resources if isinstance(each, Primitive) and "stonith" in each.agent]
    assert len(devices) == 3
    for device in devices:
        looks = int(device.parameters["power_timeout"])
        assert device.parameters["disable_timeout"] == "false"
        assert 2 * looks * (1 + 2) < int(device.parameters["pcmk_reboot_timeout"])
