"""The tables of a study's file name every model and column there is."""

from django.apps import apps

from listening.archive.tables import BY_NAME, LEFT_OUT, TABLES, decoded

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


def test_a_row_of_an_earlier_version_has_the_defaults_of_what_was_added_since():
    found = decoded(BY_NAME["panels"], {"id": 1, "name": "students", "seed": 7, "taken": 2}, "panels 1")
    assert found == {
        "name": "students",
        "seed": 7,
        "taken": 2,
        **dict.fromkeys(("quota", "opens_at", "closes_at", "identity")),
    }
    for table in TABLES:
        assert table.later <= set(table.fields)
