from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_full_name")]

    operations = [
        migrations.RenameModel(old_name="Order", new_name="Purchase"),
        migrations.AlterModelTable(name="purchase", table="purchases"),
        migrations.AlterField(model_name="purchase", name="amount", field=models.BigIntegerField()),
    ]
