from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("name", models.TextField()),
                ("email", models.TextField()),
                ("legacy", models.BooleanField(db_default=False)),
            ],
            options={
                "db_table": "users",
                "constraints": [models.UniqueConstraint(fields=["email"], name="users_email_key")],
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("user", models.ForeignKey(on_delete=models.CASCADE, to="shop.user", db_index=False)),
                ("amount", models.IntegerField()),
                ("status", models.TextField(db_default="new")),
                ("note", models.TextField(null=True)),
            ],
            options={"db_table": "orders"},
        ),
    ]
