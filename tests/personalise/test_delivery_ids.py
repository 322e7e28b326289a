import uuid

from hypothesis import given
from hypothesis import strategies as st

from newsletter.personalise.delivery_id import delivery_id


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_a_delivery_id_is_the_uuid5_of_month_and_subscriber_within_the_list(
    list_id: str, month: str, subscriber_id: str
) -> None:
    namespace = uuid.uuid5(uuid.NAMESPACE_DNS, list_id)
    expected = uuid.uuid5(namespace, f"{month}/{subscriber_id}")
    assert delivery_id(list_id, month, subscriber_id) == str(expected)
