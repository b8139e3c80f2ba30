from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0003_purchases")]

    operations = [
        migrations.AddField(model_name="user", name="country", field=models.TextField(db_default="DE")),
        migrations.RemoveField(model_name="user", name="legacy"),
    ]
