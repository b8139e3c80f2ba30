from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("shop", "0004_country")]

    operations = [
        AddIndexConcurrently("purchase", models.Index(fields=["status"], name="purchases_status_idx")),
    ]
