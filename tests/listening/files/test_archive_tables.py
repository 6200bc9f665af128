"""The tables of a study's file name every model and column there is."""

from django.apps import apps

from listening.archive.tables import BY_NAME, LEFT_OUT, TABLES, decoded, encoded

MODELS = {table.model: table for table in TABLES}


def test_every_model_is_in_a_studys_file_or_left_out_with_a_reason():
    assert set(apps.get_app_config("listening").get_models()) == set(MODELS) | set(LEFT_OUT)
    assert not set(MODELS) & set(LEFT_OUT)
    assert all(len(reason) > 10 for reason in LEFT_OUT.values())


def test_every_column_is_in_the_file_or_left_out_with_a_reason():
    for model, table in MODELS.items():
        columns = [column.name for column in model._meta.fields]
        assert sorted([*table.fields, *table.left_out]) == sorted(columns), model
        assert all(len(reason) > 10 for reason in table.left_out.values())


def test_every_reference_and_every_file_of_a_column_is_followed():
    for model, table in MODELS.items():
        for column in model._meta.fields:
            if column.name in table.fields:
                assert (column.name in table.refers) == bool(column.remote_field), column
                assert (column.name in table.files) == (column.get_internal_type() == "FileField"), column
        assert table.private | table.made <= set(table.fields)


def test_a_file_of_an_earlier_version_is_read_without_the_columns_that_came_later(draft):
    table = BY_NAME["clips"]
    row = {"id": 1, **encoded(table, draft.clips.first(), False, {})}
    earlier = {name: value for name, value in row.items() if name not in table.added}
    assert set(decoded(table, earlier, "clips")) == set(table.fields) - table.added
    assert {"licence", "source_loudness"} <= set(decoded(table, row, "clips"))
